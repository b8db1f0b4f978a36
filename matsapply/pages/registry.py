"""Every blueprint of the site, by audience."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.pages.account.views import blueprint as account

if TYPE_CHECKING:
    from flask import Blueprint

BLUEPRINTS: tuple[Blueprint, ...] = (account,)
