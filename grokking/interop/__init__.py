"""Networks trained elsewhere, in; ours, out.

untrusted   files of others: opened without running anything in them, within limits
axes        one small language for the shapes of tensors, read in both directions
layouts     the known ways to name and lay out the weights of this network
recognise   which of them a state dict has
saved       what one file holds
snapshots   which file holds which epoch
facts       what files say beside the weights: activation, layer norm, scale of attention
survey      whether all networks of a folder are one run
splits      which pairs were trained on, where that can be known
proof       whether the weights were read the right way round
choosing    facts that no file says, by what the network answers
statements  every fact in words, and how it is known
importing   all of it together: a folder of weights becomes a run directory
exporting   the other way: state dicts, TransformerLens, ONNX
"""
