"""Fuzzes one target, guided by what it covers: `python tests/fuzz/run.py openai.chat -max_total_time=600`.

Options are libFuzzer's. A process of its own, because the fuzzer ends it. What it learned stays in `corpus`, in the
folder that this runs in, for the next run. An input that fails is written beside it, and is run again by naming it.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "src")]


def main():
    """Starts from the target's seeds, unless files are named."""
    with atheris.instrument_imports(include=["safeconduct.gateway", "safeconduct.http.acts"]):
        from targets import TARGETS
    name, *options = sys.argv[1:]
    target = TARGETS[name]()
    corpus = Path("corpus", name)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)
    files = any(not one.startswith("-") for one in options)
    atheris.Setup([sys.argv[0], "-print_final_stats=1", *options, *([] if files else [str(corpus)])], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
