-- The parts of a range that no chunk covers: a row for each.
--
-- $1, $2: the range, from (inclusive) and until (exclusive), in internal time
-- $3, $4: the time that chunks cover in the source and in the target, as int8multirange; NULL if the
--         source has no chunks
SELECT lower(piece) AS "from", upper(piece) AS until
FROM unnest(int8multirange(int8range($1::bigint, $2::bigint))
            - coalesce($3::int8multirange * $4::int8multirange, $4::int8multirange)) AS piece
ORDER BY 1
