"""From run directories to one interactive page that opens by double click, with no network.

    measure.py   a run's numbers at the page's steps, by the functions of ``grokking.metrics``
    bundle.py    those numbers as a record of JSON and packed arrays
    pack.py      arrays and half-precision weights to base64, records to classic script files
    extras.py    sweeps that others measured;  trajectories.py  a kinematics run
    claims.py    verdicts of docs/claims.md
    site.py      prose, formulas, CSS and data to a folder
    recorded.py  a small copy of a run that can travel with the code

The page itself lies in ``assets``: plain HTML, CSS and JavaScript, one small file per figure.
"""
