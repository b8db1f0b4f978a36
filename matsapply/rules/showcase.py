"""The closed sets of the showcase: what a person is to a paper, how sure a link is, what an import asks."""

from __future__ import annotations

from enum import StrEnum


class PaperRole(StrEnum):
    AUTHOR = "author"
    FELLOW = "fellow"


class LinkConfidence(StrEnum):
    CERTAIN = "certain"
    HIGH = "high"
    TO_CONFIRM = "to_confirm"


class QuestionKind(StrEnum):
    """What only a person can answer about the showcase."""

    SPLIT_NAME = "split_name"
    FELLOW_LINK = "fellow_link"
    SAME_PERSON = "same_person"
    PROJECT_LINK = "project_link"


class QuestionAnswer(StrEnum):
    OPEN = "open"
    YES = "yes"
    NO = "no"
