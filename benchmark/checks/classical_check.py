"""What a classical model must hold: the part of `model_check` that is about models which train themselves."""

import numpy as np

from ...seeds import stream
from .subject import TASK, Subject, tones


def classical(subject: Subject) -> str | None:
    """It trains with and without dev, predicts classes, repeats itself, and its state brings it back."""
    clips, truth = tones(24)
    model, again, loaded = subject.build(), subject.build(), subject.build()
    rows = np.stack([np.asarray(model.front(clip), dtype=np.float32) for clip in clips])
    for other, dev in ((model, slice(16, 24)), (again, slice(16, 24)), (loaded, slice(0, 0))):
        facts = other.fit(rows[:16], truth[:16], rows[dev], truth[dev], stream("check"))
        if not isinstance(facts, dict):
            return f"fit returned {type(facts).__name__}, not a dictionary of facts"
    guess, scores = model.predict(rows)
    if guess.shape != (24,) or not np.isin(guess, range(len(TASK.classes))).all():
        return f"24 clips gave guesses of shape {guess.shape}: class indices (24,) were expected"
    if scores is not None:
        if scores.shape != (24, len(TASK.classes)) or not np.allclose(np.exp(scores).sum(axis=1), 1):
            return "scores are not log-probabilities (n, C): they do not sum to 1"
        if not np.array_equal(scores.argmax(axis=1), guess):
            return "the chosen class is not the one with the largest log-probability"
    loaded.load(model.state())
    for name, other in (("trained again with the same seed", again), ("restored from its state", loaded)):
        if not np.array_equal(other.predict(rows)[0], guess):
            return f"{name}, it predicts something else"
    alone = np.concatenate([model.predict(rows[i : i + 1])[0] for i in range(len(rows))])
    return None if np.array_equal(alone, guess) else "a prediction depends on the other rows"


def front(subject: Subject) -> str | None:
    """Its features are finite and of one shape for clips from 0.2 s to 20 s, and for silence."""
    model = subject.build()
    silence = np.zeros(TASK.rate_hz, dtype=np.float32)
    clips = [tones(1, (seconds, seconds))[0][0] for seconds in (0.2, 1.0, 20.0)] + [silence]
    values = [np.asarray(model.front(clip)) for clip in clips]
    if len({value.shape for value in values}) > 1:
        return f"the shape of its features depends on the clip: {sorted({value.shape for value in values})}"
    return None if all(np.isfinite(value).all() for value in values) else "features are not finite"
