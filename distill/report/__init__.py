"""What people look at: tables, figures, progress."""
