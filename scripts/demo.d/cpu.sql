-- Adds metrics.cpu of [:since, :until): busy in office hours, a backup at night.
INSERT INTO metrics.cpu
SELECT at,
       format('web-%s', to_char(host, 'FM00')),
       round(busy),
       round(busy * 0.23 + 2 * (1 + pg_temp.noise(epoch, host + 200))),
       CASE WHEN hour BETWEEN 2 AND 2.7 THEN 20 + round(15 * pg_temp.noise(epoch, host + 300))
            ELSE abs(round(2 * pg_temp.noise(epoch, host + 300))) END,
       trunc(busy * 16 * (1 + 0.2 * pg_temp.noise(epoch / 60, host + 400))) / 100,
       180 + host * 3 + (busy * 0.9)::integer
FROM (SELECT at, extract(epoch FROM at)::bigint AS epoch,
             extract(epoch FROM at) % 86400 / 3600.0::float8 AS hour
      FROM generate_series(:'since'::timestamptz, :'until'::timestamptz - interval '1 second',
                           interval '20 seconds') AS at) AS moment
CROSS JOIN generate_series(1, 16) AS host
CROSS JOIN LATERAL (
    SELECT 6 + 30 * greatest(0, sin(3.1416 * (hour - 6) / 14)) * (1 + 0.3 * pg_temp.noise(host, 1))
           + 12 * abs(pg_temp.noise(epoch / 300, host)) + 4 * pg_temp.noise(epoch, host + 100)
           AS busy) AS measured;
