-- Uploads are signed HTTP requests (RFC 9421): the nonce of the one that brought a batch last. The same request is refused.
ALTER TABLE count_batch ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
