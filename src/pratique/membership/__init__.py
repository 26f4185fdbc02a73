"""An organisation's doors after the epidemic: members, visitors, attendance without a log."""
