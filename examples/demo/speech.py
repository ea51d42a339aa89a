"""Speech found in a recording: silero-vad."""

import subprocess
import wave

import numpy as np

RATE, CHUNK, CONTEXT = 16000, 512, 64
SPOKEN = ["Ecotone reads models from their files.", "This is the second sentence, after a pause.", "And here it ends."]
PAUSE = 1.2  # seconds


def read_wav(path):
    with wave.open(str(path)) as w:
        samples = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768
        return samples, w.getframerate()


def resample(samples, rate):
    """To 16 kHz, by cutting or padding the spectrum."""
    wanted = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)[: wanted // 2 + 1]
    return (np.fft.irfft(spectrum, wanted) * (wanted / len(samples))).astype(np.float32)


def record(folder):
    """espeak-ng's sentences between pauses with faint noise -> samples [n] in ±1 at 16 kHz, true segments in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    parts, truth, at = [np.zeros(int(PAUSE * RATE), np.float32)], [], PAUSE
    for i, text in enumerate(SPOKEN):
        part = folder / f"sentence{i}.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(part), text], check=True)
        samples, rate = read_wav(part)
        part.unlink()
        samples = resample(samples, rate)
        loud = np.flatnonzero(np.abs(samples) > 0.02)
        truth.append((at + loud[0] / RATE, at + loud[-1] / RATE))
        parts += [samples, np.zeros(int(PAUSE * RATE), np.float32)]
        at += len(samples) / RATE + int(PAUSE * RATE) / RATE
    audio = np.concatenate(parts)
    audio = np.clip(audio + 0.001 * noise.standard_normal(len(audio)), -1, 1).astype(np.float32)
    with wave.open(str(folder / "recording.wav"), "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(RATE)
        w.writeframes((audio * 32767).astype("<i2").tobytes())
    return audio, truth


def segments(probabilities, start=0.5, stop=0.35, shortest_pause=0.3):
    """Runs of speech in seconds: begins above `start`, ends after `shortest_pause` below `stop`."""
    found, begin, quiet = [], None, None
    for i, p in enumerate([*probabilities, 0.0]):
        t = i * CHUNK / RATE
        if p >= start:
            begin, quiet = t if begin is None else begin, None
        elif begin is not None and p < stop:
            quiet = t if quiet is None else quiet
            if t - quiet >= shortest_pause or i == len(probabilities):
                found.append((begin, quiet))
                begin = quiet = None
    return found


def run(model, folder):
    audio, truth = record(folder)
    audio = np.pad(audio, (CONTEXT, -len(audio) % CHUNK))
    state, probabilities, loudest = np.zeros((2, 1, 128), np.float32), [], None
    for at in range(CONTEXT, len(audio), CHUNK):
        inputs = {"input": audio[None, at - CONTEXT : at + CHUNK], "state": state, "sr": np.array(RATE, np.int64)}
        outputs = model.run(inputs)
        probabilities.append(float(outputs["output"].item()))
        state = outputs["stateN"]
        if loudest is None and len(probabilities) * CHUNK / RATE > truth[0][0] + 0.5:
            loudest = inputs  # in the middle of speech, with a state: what is verified
    found = segments(probabilities)
    lines = [f"  speech {a:5.2f} s to {b:5.2f} s" for a, b in found]
    lines.append("  spoken " + ", ".join(f"{a:.2f}-{b:.2f}" for a, b in truth) + " s")
    right = len(found) == len(truth) and all(abs(a - c) < 0.25 and abs(b - d) < 0.35 for (a, b), (c, d) in zip(found, truth))
    return {"segments": found, "spoken": truth, "chunks": len(probabilities), "right": right}, lines, loudest
