#!/usr/bin/env python3
"""Makes data/*.npy from the strain files that pyRingGW 2.11.2 ships; see DATA.md.

    pip download pyRingGW==2.11.2 --no-deps && tar xzf pyringgw-2.11.2.tar.gz
    ./convert.py pyringgw-2.11.2/pyRing/data/Real_data/GW150914
"""
import pathlib
import sys

import numpy
from scipy.signal import resample_poly

source = pathlib.Path(sys.argv[1])
for site, detector in ("H", "H1"), ("L", "L1"):
    strain = numpy.loadtxt(source / f"{site}-{detector}_GWOSC_4KHZ_R1-1126259447-32.txt")
    assert len(strain) == 32 * 4096 and numpy.isfinite(strain).all()
    # From 4096 to 2048 samples a second, through a low-pass filter that passes all below 700 Hz and half at 1024 Hz.
    half = resample_poly(strain, 1, 2, window=("kaiser", 10))
    # 32 bits resolve 1e-25 of the 2e-18 by which the raw strain swings: far less than the noise of any sample.
    numpy.save(pathlib.Path(__file__).parent / f"data/{site}-{detector}_GWOSC_2KHZ_R1-1126259447-32.npy", half.astype("<f4"))
