"""How quick the dashboard is with many trials, beside optuna-dashboard on the same trials."""
