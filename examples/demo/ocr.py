"""Text found and read in a picture: PP-OCR v4, a detector (differentiable binarization) and a recognizer (CTC)."""

import cv2
import numpy as np
import pyclipper
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ZENHEI = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
ENGLISH = [("Corner Bakery", 44), ("Fresh bread daily", 30), ("Sourdough 4.50", 30), ("Open 7:30 - 18:00", 30)]
CHINESE = [("老街茶馆", 48), ("今日特价绿茶", 32), ("每杯十五元", 32), ("营业时间 9:00-21:00", 28)]


def font(size):
    """A font with Latin and CJK glyphs."""
    return ImageFont.truetype(ZENHEI, size)


def paint(lines, latin, degrees, seed):
    """A shop's sign, photographed a little askew, with noise -> RGB picture of 480 x 320."""
    picture = Image.new("RGB", (480, 320), (208, 196, 172))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((30, 25, 450, 295), 14, fill=(38, 70, 83), outline=(233, 196, 106), width=4)
    y = 45
    for i, (text, size) in enumerate(lines):
        face = ImageFont.load_default(size) if latin else font(size)  # Pillow's own has no CJK glyphs
        width = draw.textlength(text, font=face)
        draw.text(((480 - width) / 2, y), text, font=face, fill=(250, 240, 215) if i else (244, 211, 94))
        y += size + 28
    picture = picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(208, 196, 172)).filter(ImageFilter.GaussianBlur(0.6))
    noise = np.random.default_rng(seed).normal(0, 6, (320, 480, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def corners(points):
    """Smallest rectangle round points -> corners from the top left, clockwise, and its short side."""
    rectangle = cv2.minAreaRect(np.asarray(points, np.float32))
    box = sorted(cv2.boxPoints(rectangle).tolist())
    left, right = sorted(box[:2], key=lambda p: p[1]), sorted(box[2:], key=lambda p: p[1])
    return np.array([left[0], right[0], right[1], left[1]], np.float32), min(rectangle[1])


def find_boxes(probability, threshold=0.3, box_threshold=0.5, grow=1.6):
    """Text boxes in a map of probabilities [h, w]: each shrunken text region is grown back by area * grow / length."""
    mask = cv2.dilate((probability > threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    boxes = []
    for outline in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
        box, side = corners(outline.reshape(-1, 2))
        inside = cv2.fillPoly(np.zeros_like(mask), [box.astype(np.int32)], 1)
        if side < 3 or cv2.mean(probability, inside)[0] < box_threshold:
            continue
        distance = cv2.contourArea(box) * grow / cv2.arcLength(box, True)
        offset = pyclipper.PyclipperOffset()
        offset.AddPath(box.round().astype(int).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
        grown = offset.Execute(distance)
        if grown:
            boxes.append(corners(grown[0])[0])
    return sorted(boxes, key=lambda b: b[:, 1].mean())


def cut(picture, box, height=48):
    """The text in a box, straightened, 48 high, in BGR and ±1 as the recognizer wants it -> [3, 48, w]."""
    wide = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[3] - box[2]))
    high = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
    width = max(8, round(height * wide / high))
    to = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    flat = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(box, to), (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return (flat.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5) / 0.5


def decode(scores, characters):
    """CTC: the best class of each column; repeats and blanks (class 0) go -> text, mean score of what is kept."""
    best = scores.argmax(1)
    kept = (best != 0) & np.r_[True, best[1:] != best[:-1]]
    text = "".join(characters[i - 1] for i in best[kept])
    return text, float(scores.max(1)[kept].mean()) if kept.any() else 0.0


def read_characters(model_file):
    """The characters of classes 1, 2, ..., from the model file's metadata `character`; a space is last."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])
    return session.get_modelmeta().custom_metadata_map["character"].splitlines() + [" "]


def run(detector, recognizer, characters, wanted, latin, degrees, seed, output):
    picture = paint(wanted, latin, degrees, seed)
    bgr = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    found = {"x": ((bgr.transpose(2, 0, 1)[None].astype(np.float32) / 255) - 0.5) / 0.5}
    boxes = find_boxes(next(iter(detector.run(found).values()))[0, 0])
    crops = [cut(bgr, box) for box in boxes]
    read = {"x": np.zeros((len(crops), 3, 48, max((c.shape[2] for c in crops), default=8)), np.float32)}
    for i, crop in enumerate(crops):
        read["x"][i, :, :, : crop.shape[2]] = crop
    scores = next(iter(recognizer.run(read).values())) if crops else []
    words = [decode(s, characters) for s in scores]
    drawn = Image.new("RGB", (960, 320), "white")
    drawn.paste(picture, (0, 0))
    draw = ImageDraw.Draw(drawn)
    for box, (text, score) in zip(boxes, words):
        draw.polygon([tuple(map(float, p)) for p in box], outline=(230, 57, 70), width=2)
        draw.text((510, float(box[:, 1].min())), text, font=font(26), fill=(20, 20, 20))
        draw.text((510, float(box[:, 1].min()) + 32), f"{score:.1%}", font=font(13), fill=(120, 120, 120))
    output.parent.mkdir(parents=True, exist_ok=True)
    drawn.save(output, optimize=True)
    rows = [{"text": t, "score": s, "box": b.round(1).tolist()} for b, (t, s) in zip(boxes, words)]
    plain = ["".join(t.split()) for t, _ in words]
    right = sum("".join(t.split()) in plain for t, _ in wanted)
    lines = [f"  {score:6.1%}  {text}" for text, score in words] + [f"  drawn: {output}"]
    return {"words": rows, "right": right, "of": len(wanted), "picture": str(output)}, lines, found, read
