"""matsapply: the admissions system of a selective research fellowship."""
