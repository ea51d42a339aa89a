"""Files recognized by what is in them: magika."""

import io
import json
import struct
import zipfile

import numpy as np
from PIL import Image


def make_files(folder, eco):
    """Files whose names say nothing -> [(path, what it is)]."""
    here = __file__
    buffer = io.BytesIO()
    Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)).save(buffer, "PNG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(3):
            z.writestr(f"notes/{i}.txt", f"note {i}\n" * 40)
    tone = (8000 * np.sin(np.arange(8000) * 0.2)).astype("<i2").tobytes()
    wav = b"RIFF" + struct.pack("<I", 36 + len(tone)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    cpp = "#include <iostream>\n#include <vector>\n\nnamespace {\ntemplate <typename T>\nT sum(const std::vector<T>& v) {\n"
    cpp += "  T total{};\n  for (const T& x : v) total += x;\n  return total;\n}\n}  // namespace\n\n"
    cpp += 'int main() {\n  std::cout << sum<int>({1, 2, 3}) << "\\n";\n}\n'
    markdown = "# Notes on bread\n\nA [recipe](https://example.org) that *always* works:\n\n- 500 g flour\n- 350 g water\n\n"
    markdown += "## Steps\n\n1. Mix.\n2. Wait.\n3. Bake.\n\n```sh\noven --heat 240\n```\n"
    with open("/bin/true", "rb") as f:
        elf = f.read()
    with open(here, "rb") as f:
        python = f.read()
    contents = [
        ("python", python), ("cpp", cpp.encode()), ("png", buffer.getvalue()),
        ("json", json.dumps({"name": "ecotone", "sizes": [1, 2, 3], "nested": {"ok": True}}, indent=2).encode()),
        ("elf", elf), ("zip", archive.getvalue()),
        ("wav", wav + b"data" + struct.pack("<I", len(tone)) + tone), ("markdown", markdown.encode()),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for i, (kind, data) in enumerate(contents):
        path = folder / f"file{i}.bin"
        path.write_bytes(data)
        made.append((path, kind))
    return made


def features(data, config):
    """int32 [2048]: the first and last bytes, white space stripped, by the sizes in the model's config."""
    begin, end, pad = config["beg_size"], config["end_size"], config["padding_token"]
    head = list(data[: config["block_size"]].lstrip()[:begin])
    tail = list(data[-config["block_size"] :].rstrip()[-end:])
    return np.array(head + [pad] * (begin - len(head)) + [pad] * (end - len(tail)) + tail, np.int32)


def run(model, config_file, folder, eco):
    config = json.loads(config_file.read_text())
    made = make_files(folder, eco)
    inputs = {"bytes": np.stack([features(path.read_bytes(), config) for path, _ in made])}
    scores = next(iter(model.run(inputs).values()))
    rows, lines = [], []
    for (path, kind), row in zip(made, scores):
        label = config["target_labels_space"][int(row.argmax())]
        rows.append({"file": path.name, "is": kind, "recognized": label, "score": float(row.max())})
        wrong = "" if label == kind else f"  (it is {kind})"
        lines.append(f"  {path.name}  {path.stat().st_size:>7} bytes  {label:<9} {row.max():.1%}{wrong}")
    return {"files": rows, "right": sum(r["is"] == r["recognized"] for r in rows)}, lines, inputs
