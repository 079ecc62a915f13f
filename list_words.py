"""What columns and parts are called in other people's lists."""

import re

#: names of columns, the likeliest first, as `key` writes them
PATH = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "wav", "wav_path", "wav_file", "audio",
    "audio_path", "audio_file", "audio_filepath", "clip", "utterance", "utterance_id", "utt_id", "utt", "row", "id",
    "name",
)  # fmt: skip
PART = ("split", "split_set", "splitset", "partition", "part", "set", "subset")
FOLD = ("fold", "folds", "fold_id", "cv_fold", "kfold")
SPEAKER = (
    "speaker", "speaker_id", "speakerid", "spk", "spk_id", "spkid", "actor", "actor_id", "subject", "subject_id",
    "talker", "spkr", "spkrid", "spkr_id", "speaker_name",
)  # fmt: skip
SENTENCE = ("sentence", "sentence_id", "statement", "text", "transcript", "transcription", "utterance_text")
SESSION = ("session", "session_id")
DIALOGUE = ("dialogue", "dialogue_id", "dialog", "dialog_id", "conversation", "conversation_id")
LABEL = ("label", "emotion", "emotions", "class", "target", "truth", "emo", "emoclass", "emo_class")
START = ("start", "start_time", "starttime", "begin", "begin_time", "onset", "offset")
END = ("end", "end_time", "endtime", "stop", "stop_time")
DURATION = ("duration", "dur")
CORPUS = ("corpus", "dataset", "database")
#: further columns that tell folds of one list apart
APART = ("arm", "repeat")

_PARTS = {
    "train": ("train", "training", "tr", "trn", "trainset", "train_set"),
    "dev": ("dev", "devel", "development", "val", "valid", "validation", "valset", "val_set", "dev_set", "tune"),
    "test": ("test", "testing", "tst", "te", "eval", "evaluation", "heldout", "held_out", "testset", "test_set"),
}
_WORDS = {word: part for part, words in _PARTS.items() for word in words}
_SEVERAL = re.compile(r"([a-z]{3,}?)_?\d")  # Test1 and Test2 are tests
_NUMBER = re.compile(r"(?:fold|split|cv|k|part|set)?[ _-]?0*(\d+)(?:\.0)?")


def key(name: str) -> str:
    """The name of a column without capitals and signs: ``Speaker ID`` is ``speaker_id``."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def part_of(word: str) -> str | None:
    """``train``, ``dev`` or ``test``, by whichever of their names; the number of a fold; None for another word."""
    part = _WORDS.get(key(word))
    if part:
        return part
    number = _NUMBER.fullmatch(word.strip().lower())
    several = _SEVERAL.fullmatch(key(word))
    return number[1] if number else _WORDS.get(several[1]) if several else None


def known_parts() -> str:
    """The names that parts may have, for messages."""
    return "; ".join(f"{part}: {', '.join(words[:4])}" for part, words in _PARTS.items())
