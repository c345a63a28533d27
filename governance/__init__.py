"""What an office of a park does by the month: inspections, hazards, drills, figures; pure functions over rows."""
