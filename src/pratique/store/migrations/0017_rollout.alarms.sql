-- Gates of a stage that had an alarm when it began: they say nothing about the policy. Ids, separated by spaces.
ALTER TABLE rollout ADD COLUMN alarmed TEXT NOT NULL DEFAULT '';
