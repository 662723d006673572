"""The formulas of ``docs/maths.md`` as figures; each formula itself is a public function:

decoupled weight decay   maths.formulas.contraction, .decay_without_gradient
directional derivative   metrics.directional_derivatives.directional_derivatives
attention, temperature   metrics.attention.attention_entropy; ``--attention_temperature``
layer norm               models.transformer.normalise; ``--layer_norm``
2-D Fourier transform    metrics.spectra2d.spectrum_2d, .energy_spectrum
"""
