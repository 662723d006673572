"""Networks trained elsewhere come in, ours go out.

Reading files
    untrusted, inert_unpickler, npz   files of others, opened within limits and without running their code
    checkpoint_reader, curves         what one file holds: networks, a config, losses, accuracies
    snapshots                         which file holds which epoch
    config_files, facts               what files say of activation, layer norm, scale of the attention
    external_history                  losses and accuracies that came with the weights
Understanding weights
    axes, layouts, detect_layout      names and shapes of tensors, and the layouts that are known
    layout_errors                     what to say where none fits
    weights, network_config           tensors become our weights, and their sizes a config
    user_hints                        what the user says of the network
    interpretations                   other ways to read the same shapes
Deciding and checking
    choose_facts, fit_scores          facts that no file says, chosen by what the network answers
    known_facts                       every fact in words, and how it is known
    splits                            which pairs were trained on, where that can be known
    consistency_check                 whether all networks of a folder are one run
    import_check, chance_tests        whether the weights were read the right way round
    import_plan, write_run, importing all of it together: files of weights become a run directory
The other way
    export, transformer_lens, onnx_graph
"""
