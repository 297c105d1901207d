-- The parts of a range that no chunk covers: a row for each.
--
-- $1, $2: from when until when, in internal time
-- $3, $4: what chunks cover in the source and in the target, as int8multirange; NULL where a source
--         has no chunks
SELECT lower(piece) AS "from", upper(piece) AS until
FROM unnest(int8multirange(int8range($1::bigint, $2::bigint))
            - coalesce($3::int8multirange * $4::int8multirange, $4::int8multirange)) AS piece
ORDER BY 1
