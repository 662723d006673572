"""White-box audits: is there a circuit in this checkpoint, and what holds for it?

verdict      what a check is, the thresholds, and the rule from ablations to a verdict
ablations    do the key frequencies suffice, are they needed?
routing      do neurons, heads and silenced groups keep to their frequency?
slopes       directional derivatives of the loss along Fourier components
immunity     the smallest embedding change that flips an answer
checkpoint   all of it for one checkpoint: the content of audit.json
series       the verdict at every kept checkpoint
page         the one-page figure, from the panels in panels;  series_page: that of a series
run          what the command calls
"""
