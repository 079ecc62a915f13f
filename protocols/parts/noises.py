"""The names of noises, once for all: those that protocols offer, and that training clips can be heard in."""

NOISES = ("white", "pink", "babble", "speech-shaped")
MORE_NOISES = ("music", "impulsive")  # made too, on request
RECORDED = "recorded"  # from a folder of the user's
ALL = (*NOISES, *MORE_NOISES, RECORDED)
