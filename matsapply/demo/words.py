"""Plainly invented people and texts for the demo. Everything here is made up; nobody is meant."""

# Lists of words read best in a few long lines.
# ruff: noqa: E501

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

GIVEN = (
    "Amara", "Anouk", "Aroha", "Bence", "Chidi", "Dalia", "Emeka", "Farid", "Freya", "Hana", "Ibrahim", "Ines",
    "Jonas", "Kalani", "Kenji", "Leila", "Linh", "Luca", "Mateus", "Maya", "Mei", "Milan", "Nadia", "Noor", "Olena",
    "Oskar", "Paloma", "Priya", "Quinn", "Rania", "Ravi", "Rosa", "Sanne", "Sofia", "Tariq", "Thandi", "Tomas",
    "Ugo", "Vera", "Wanjiru", "Xiang", "Yara", "Yusuf", "Zofia",
)  # fmt: skip
FAMILY = (
    "Alderwood", "Barleyfield", "Birchmere", "Brookvale", "Cloudberry", "Coppergate", "Driftwood", "Duskwater",
    "Elmscott", "Fernhollow", "Foxglove", "Glassmoor", "Greenlantern", "Harebell", "Hazelbank", "Inkwell",
    "Juniperhill", "Kestrelby", "Lanternside", "Larkspur", "Mapleford", "Meadowsweet", "Mistbourne", "Mossbridge",
    "Nettlecombe", "Oakenshaw", "Owlsworth", "Pebblebrook", "Pinewarden", "Quillfeather", "Ravenglade", "Rookwood",
    "Saltmarsh", "Silverbeck", "Snowberry", "Starling-Vale", "Thistledown", "Umberfield", "Wildgoose", "Windermoss",
    "Wrenfield", "Yarrow-Lane",
)  # fmt: skip
ZONES = (
    "Europe/London", "Europe/Berlin", "America/Los_Angeles", "America/New_York", "Asia/Kolkata", "Asia/Tokyo",
    "Africa/Nairobi", "America/Sao_Paulo", "Australia/Sydney", "Asia/Singapore", "Europe/Warsaw", "UTC",
)  # fmt: skip
FIELDS = ("machine learning", "mathematics", "computer science", "policy", "economics", "physics", "cognitive science")
DEGREES = ("BSc", "MSc", "PhD (third year)", "MPhil", "MPP", "BA", "self-taught, no degree")
PLACES = (
    "an invented university",
    "a small college by the sea",
    "a made-up institute",
    "a night school in a port town",
)

THINGS = {
    "empirical": ("a probe on the residual stream", "a sparse dictionary of features", "a monitor for tool calls", "a model organism with a hidden goal"),
    "theory": ("an agent that reasons about its own updates", "a bound on belief-state size", "a notion of abstraction", "a proof about credit assignment"),
    "technical-governance": ("a safety case for a chat model", "an incident register", "a threshold for dangerous capability", "a test protocol for auditors"),
    "policy-strategy": ("a licensing rule", "a treaty clause on large training runs", "a forecast of adoption", "a plan for a public compute office"),
    "compute-governance": ("a ledger of accelerators", "a way to attest training runs", "an estimate of chip stocks", "a meter on a data-centre link"),
}  # fmt: skip
METHODS = (
    "a small replication", "an ablation over seeds", "a table of counter-examples", "interviews with nine practitioners",
    "a simulation on toy data", "a careful reading of the appendix", "a blind comparison", "a weekend of plotting",
)  # fmt: skip
SURPRISES = (
    "the effect vanished on held-out prompts", "the baseline had a bug", "half of the gain came from formatting",
    "the labels leaked the answer", "two runs disagreed for a dull reason", "the simplest method won",
)  # fmt: skip
LESSONS = (
    "write the prediction down before looking", "plot the raw data first", "ask somebody who disagrees",
    "keep the smallest case that still fails", "name the assumption in the title", "stop when the question is answered",
)  # fmt: skip
RISKS = (
    "systems that pursue goals nobody chose", "a race that leaves no time for tests", "misuse by a careless operator",
    "oversight that looks fine and sees nothing", "power that concentrates without anybody deciding so",
)  # fmt: skip

SENTENCES = (
    "The question was whether {thing} tells us anything that a cheaper check would not.",
    "I began with {method}, because it could have ended the project in a day.",
    "What I did myself: the design, most of the code and all of the plots; a friend reviewed the analysis.",
    "On the third attempt {surprise}, and for a week I believed the opposite of what I believe now.",
    "I had expected a clean curve and got {number} runs that pointed in {few} directions.",
    "The part I am proud of is small: {method} that anybody can repeat in {number} minutes.",
    "I learnt to {lesson}.",
    "A reader should know that the sample was small ({number} cases) and that I chose it for convenience.",
    "If I started again I would spend the first days on {thing} and leave the rest for later.",
    "A friendly critic said that {surprise}; she was right, and the second version says so in its first line.",
    "Most of the time went into {method}, which does not show in the result.",
    "It matters to me because of {risk}.",
    "The path I see is modest: make {thing} cheap enough that teams run it every week.",
    "What would change my mind is {method} that finds nothing where I predict something.",
    "Since then I {lesson_past} whenever a result looks too good.",
    "I wrote it up in {number} pages and cut it to {few}.",
    "In the first two weeks I would build {thing} on a model small enough to rerun hourly.",
    "A null result there would tell us to stop, and that is worth as much as a positive one.",
    "The weakest step is the measure itself: {surprise} is always possible, so I would report both.",
    "Somebody outside could check the claim with {method} and a day of access.",
)
LESSONS_PAST = (
    "go back to the raw data", "ask for a second reader", "run the control first", "write the boring explanation down",
)  # fmt: skip


def name(random: Random) -> str:
    return f"{random.choice(GIVEN)} {random.choice(FAMILY)}"


def essay(random: Random, track: str, letters: int) -> str:
    """About ``letters`` letters of plausible text, in two paragraphs."""
    target, parts, length = letters * random.uniform(0.62, 0.97), [], 0
    order = random.sample(SENTENCES, len(SENTENCES))
    for number, pattern in enumerate(order * 2):
        sentence = pattern.format(
            thing=random.choice(THINGS[track]),
            method=random.choice(METHODS),
            surprise=random.choice(SURPRISES),
            lesson=random.choice(LESSONS),
            lesson_past=random.choice(LESSONS_PAST),
            risk=random.choice(RISKS),
            number=random.randint(6, 90),
            few=random.randint(2, 5),
        )
        if length + len(sentence) * 0.8 > target and parts:
            break
        parts.append(sentence)
        length += int(len(sentence) * 0.8)  # blanks and stops do not count
        if number == 4:
            parts.append("\n\n")
    return " ".join(parts).replace(" \n\n ", "\n\n").strip()


NOTES = (
    "Own question, plain method, honest about what failed.", "Strong on reasoning, thin on execution so far.",
    "Clear writer; I would like to see the code.", "The path to impact is generic, the research evidence is not.",
    "Good taste: the control came first.", "Ambitious, and knows which part is the risk.",
    "Says what would prove it wrong, which few do.", "Promising; a mentor with time would help a lot.",
)  # fmt: skip
FEEDBACK = (
    "Your account of what went wrong was the strongest part. More detail on your own share would have helped.",
    "We liked the control you proposed. The link to the track's questions stayed thin.",
    "A clear case, well argued. Readers wished for one result of your own.",
)
