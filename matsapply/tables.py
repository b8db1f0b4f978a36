"""An index of every table, for migrations, factories and the shell."""

from __future__ import annotations

from matsapply.applications import models as applications
from matsapply.audit import models as audit
from matsapply.cohorts import models as cohorts
from matsapply.decisions import models as decisions
from matsapply.evaluations import models as evaluations
from matsapply.files import models as files
from matsapply.interviews import models as interviews
from matsapply.mail import models as mail
from matsapply.offers import models as offers
from matsapply.people import models as people
from matsapply.platform.db import Base
from matsapply.reviews import models as reviews
from matsapply.showcase import models as showcase
from matsapply.tracking import models as tracking

CONCEPTS = (
    people,
    audit,
    mail,
    files,
    tracking,
    cohorts,
    showcase,
    applications,
    evaluations,
    interviews,
    reviews,
    decisions,
    offers,
)

metadata = Base.metadata
