"""How well will LISA hear the binary stars that are known already? See pipeline.yaml.

    binaries.py hear NAME --years N --data FOLDER   one star; leaves a file in the folder
    binaries.py rank --data FOLDER                  gathers those files into ranking.txt and ranking.svg

The noise of LISA, the noise of the Milky Way's other binaries and the signal-to-noise ratio, which is that of an average
place in the sky and inclination, are as in T. Robson, N. J. Cornish and C. Liu, "The construction and use of LISA
sensitivity curves", Class. Quantum Grav. 36, 105011 (2019), https://doi.org/10.1088/1361-6382/ab1101.
"""

import argparse
import csv
import json
import math
from pathlib import Path

LIGHT = 299792458.0  # m/s
SUN = 4.925491e-6  # mass of the Sun as a time, G M / c^3, in s
PARSEC = 3.0856776e16  # m
YEAR = 365.25 * 86400  # s
ARM = 2.5e9  # length of LISA's arms in m

# Parameters of the Milky Way's noise (table 1 of the paper) by years: the longer LISA listens, the more of the binaries
# that make it are told apart, and the less of it is left.
GALAXY = {
    1: dict(alpha=0.171, beta=292, kappa=1020, gamma=1680, knee=0.00215),
    2: dict(alpha=0.165, beta=299, kappa=611, gamma=1340, knee=0.00173),
    4: dict(alpha=0.138, beta=-221, kappa=521, gamma=1680, knee=0.00113),
}


def stars():
    """The table beside this file, by name."""
    with open(Path(__file__).with_name("binaries.csv"), encoding="utf-8") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {row["name"]: {k: float(v) for k, v in row.items() if k != "name"} for row in rows}


def noise(f, years):
    """Power of the noise at a frequency in Hz, as strain squared per Hz (equations 10, 11, 13 and 14)."""
    transfer = LIGHT / (2 * math.pi * ARM)
    path = 1.5e-11**2 * (1 + (2e-3 / f) ** 4)
    masses = 3e-15**2 * (1 + (4e-4 / f) ** 2) * (1 + (f / 8e-3) ** 4) / (2 * math.pi * f) ** 4
    detector = 10 / (3 * ARM**2) * (path + 2 * (1 + math.cos(f / transfer) ** 2) * masses) * (1 + 0.6 * (f / transfer) ** 2)
    g = GALAXY[years]
    galaxy = 9e-45 * f ** (-7 / 3) * math.exp(-(f ** g["alpha"]) + g["beta"] * f * math.sin(g["kappa"] * f))
    return detector + galaxy * (1 + math.tanh(g["gamma"] * (g["knee"] - f)))


def hear(star, years):
    """Frequency of the wave in Hz, its amplitude, and the signal-to-noise ratio after some years."""
    f = 2 / star["period"]  # the two stars look the same after half a turn
    chirp = SUN * (star["mass1"] * star["mass2"]) ** 0.6 / (star["mass1"] + star["mass2"]) ** 0.2
    amplitude = 2 * chirp ** (5 / 3) * (math.pi * f) ** (2 / 3) / (star["distance"] * PARSEC / LIGHT)
    ratio = amplitude * math.sqrt(16 / 5 * years * YEAR / noise(f, years))
    return {"frequency": f, "amplitude": amplitude, "ratio": ratio}


def rank(folder):
    """What the tasks have found, the loudest star first: a list of (name, {years: finding})."""
    found = {}
    for name in stars():
        files = {years: folder / f"{name} {years}.json" for years in GALAXY}
        found[name] = {y: json.loads(f.read_text()) for y, f in files.items() if f.exists()}
    found = {name: by_years for name, by_years in found.items() if by_years}
    if not found:
        raise SystemExit(f"{folder}: nothing was found here; run hear first")
    return sorted(found.items(), key=lambda item: -item[1][max(item[1])]["ratio"])


def table(ranking):
    """The ranking as text."""
    years = sorted({y for _, by_years in ranking for y in by_years})
    lines = ["star             mHz    amplitude" + "".join(f"  {y} year{'s' * (y > 1)}".rjust(10) for y in years)]
    for name, by_years in ranking:
        any_of = next(iter(by_years.values()))
        ratios = "".join(f"{by_years[y]['ratio']:10.1f}" if y in by_years else " " * 10 for y in years)
        lines.append(f"{name:<16}{any_of['frequency'] * 1e3:5.2f}  {any_of['amplitude']:.2e}  {ratios}")
    return "\n".join(lines) + "\n"


def picture(ranking, width=800, height=500):
    """The stars above the noise, as SVG: strain that they add up to by the longest time, over frequency."""
    years = max(y for _, by_years in ranking for y in by_years)

    def place(f, strain):  # both axes logarithmic: 0.5 to 20 mHz, and 1e-20 to 1e-17
        x = 60 + (width - 100) * math.log(f / 5e-4) / math.log(40)
        return x, 100 + (height - 150) * (1 - math.log10(strain / 1e-20) / 3)

    curve = [5e-4 * 40 ** (i / 200) for i in range(201)]
    points = " ".join("%.1f,%.1f" % place(f, math.sqrt(noise(f, years))) for f in curve)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<polyline points="{points}" fill="none" stroke="#888" stroke-width="2"/>',
    ]
    for f in (5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2):
        x, y = place(f, 1e-20)
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{f * 1e3:g} mHz</text>')
    for power in range(-20, -16):
        x, y = place(5e-4, 10.0**power)
        parts.append(f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for name, by_years in ranking:
        if years in by_years:
            found = by_years[years]
            x, y = place(found["frequency"], found["ratio"] * math.sqrt(noise(found["frequency"], years)))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6feb"/>')
            parts.append(f'<text font-size="10" transform="translate({x + 6:.1f} {y - 4:.1f}) rotate(-70)">{name}</text>')
    caption = f"Known binary stars above the noise of LISA and the Milky Way (grey) after {years} years, strain per √Hz"
    return "\n".join(parts + [f'<text x="60" y="{height - 8}">{caption}</text>', "</svg>"]) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = arguments.add_subparsers(dest="verb", required=True)
    hearing, ranking = verbs.add_parser("hear"), verbs.add_parser("rank")
    hearing.add_argument("name", choices=stars(), metavar="NAME")
    hearing.add_argument("--years", type=int, choices=GALAXY, required=True)
    for verb in (hearing, ranking):
        verb.add_argument("--data", type=Path, required=True, help="folder that the tasks share")
    args = arguments.parse_args()

    if args.verb == "hear":
        found = hear(stars()[args.name], args.years)
        (args.data / f"{args.name} {args.years}.json").write_text(json.dumps(found))
        print(f"{args.name}: {found['ratio']:.1f} times louder than the noise within {args.years} year(s)")
        return
    ranked = rank(args.data)
    (args.data / "ranking.txt").write_text(table(ranked), encoding="utf-8")
    (args.data / "ranking.svg").write_text(picture(ranked), encoding="utf-8")
    print(table(ranked), end="")


if __name__ == "__main__":
    main()
