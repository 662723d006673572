"""White-box audits: is there a circuit in this checkpoint, and what holds for it?

verdict                   what a check is, the thresholds, and the rule from ablations to a verdict
ablations                 do the key frequencies suffice, are they needed?
frequency_specialisation  do neurons, heads and silenced groups keep to their frequency?
directional_derivatives   derivatives of the loss along Fourier components
adversarial_robustness    the smallest embedding change that flips an answer
checkpoint                all of it for one checkpoint: the content of audit.json
over_training             the verdict at every checkpoint
report_page, panels       the one-page figure of a checkpoint;  over_training_page: that over training
command                   what the command calls
"""
