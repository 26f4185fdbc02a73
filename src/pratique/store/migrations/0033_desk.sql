-- Undoing looks up each case of a bulk action: a unique index, so that the planner takes it before the primary key.
DROP INDEX desk_bulk_case_of;
CREATE UNIQUE INDEX desk_bulk_case_of ON desk_bulk_case (case_id, bulk_id);
