"""Gates from the server's side: enrolment, snapshots, counts."""
