"""The team's pages, per cohort."""
