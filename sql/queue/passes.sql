-- What each `stage --changed` found.
SELECT number, to_char(staged AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS staged,
       added, grown, changed, gone, bytes
FROM __backfill.pass
ORDER BY number
