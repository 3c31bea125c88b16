"""Neural architecture search: tables of what others trained."""
