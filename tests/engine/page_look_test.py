"""The page in a browser without a window: nothing wider than the screen, on a phone and on a desktop, light and dark.

With a folder as argument the pictures stay there.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from page_test import check, COUNTS, make_report, page_of, row, write

BROWSER = next((b for b in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
PROBE = """<script>addEventListener("load", () => { document.documentElement.dataset.probe =
  [document.scrollingElement.scrollWidth, innerWidth, document.scrollingElement.scrollHeight].join(" ") })</script>"""


def browser(folder, *arguments):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={folder / 'profile'}"]
    return subprocess.run([BROWSER, *flags, *arguments], capture_output=True, text=True, timeout=120)


def look(page, folder, out, name, width, dark, opened=False):
    text = page.replace("<details>", "<details open>") if opened else page
    text = text.replace("<style>", PROBE + "<style>", 1)
    (folder / "inner.html").write_text(text, encoding="utf-8")
    # The frame reports its own size upwards: the document of the frame is what is measured.
    outer = folder / "outer.html"
    outer.write_text(f'<body style="margin:0"><iframe id=f style="border:0;width:{width}px;height:1600px" src="inner.html"></iframe><script>'
                     "addEventListener('load', () => { document.body.dataset.probe = f.contentDocument.documentElement.dataset.probe })</script>", encoding="utf-8")
    scheme = ["--blink-settings=preferredColorScheme=" + ("0" if dark else "1")]
    flags = ["--allow-file-access-from-files", "--force-device-scale-factor=1", f"--window-size={max(width, 500)},1600", *scheme, "--virtual-time-budget=4000"]
    done = browser(folder, *flags, "--dump-dom", outer.as_uri())
    found = re.search(r'data-probe="(\d+) (\d+) (\d+)"', done.stdout)
    check(f"{name}: the browser shows it", found, done.stderr[-400:])
    if not found:
        return
    scroll, inner, height = map(int, found.groups())
    check(f"{name}: nothing is wider than the screen", inner == width and scroll <= inner, (scroll, inner, width))
    check(f"{name}: it has a height", height > 800, height)
    picture = out / f"{name}.png"
    done = browser(folder, *flags, f"--screenshot={picture}", outer.as_uri())
    check(f"{name}: a picture", picture.exists(), done.stderr[-400:])
    if picture.exists():
        pixels = np.asarray(Image.open(picture).convert("L").crop((0, 0, width, 1600)), np.float64)
        background = float(np.median(pixels))
        check(f"{name}: {'dark' if dark else 'light'}", background < 60 if dark else background > 240, background)
        check(f"{name}: something stands on it", (np.abs(pixels - background) > 80).mean() > 0.005)


def main():
    if not BROWSER:
        print("FAILED: no Chromium; scripts/bootstrap dev installs chromium-headless-shell")
        print("0 passed, 1 failed")
        return 1
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else folder
        out.mkdir(parents=True, exist_ok=True)
        long = make_report("A processor with a name that is longer than any phone is wide, at 2.60GHz", "/m/" + "long_name_" * 12 + ".onnx")
        long["rows"].append(row("engine:" + "Provider" * 6, 33.0, 1e-5, 99.0, settings={"flags": "--x=" + "y" * 200}, changes=["changed " * 30]))
        chain = long["cases"][0]["graph"]
        chain["chain"] = [{"ops": ["attention", "layer_norm", "gelu"], "times": 12}]
        del chain["nodes"]
        files = [write(folder, "a.json", make_report("Laptop CPU")), write(folder, "b.json", long)]
        for lang in ("en", "zh"):
            page = page_of(folder, lang, *files, lang=lang)
            for width, device in ((360, "phone"), (1280, "desktop")):
                for dark in (False, True):
                    look(page, folder, out, f"{lang}-{device}-{'dark' if dark else 'light'}", width, dark)
            look(page, folder, out, f"{lang}-phone-opened", 360, False, opened=True)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
