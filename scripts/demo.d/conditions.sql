-- Adds public.conditions of [:since, :until): daily curves, a slow change of weather, noise.
INSERT INTO public.conditions
SELECT at,
       id,
       trunc(celsius * 100) / 100,
       -- One measurement in 200 fails.
       CASE WHEN pg_temp.noise(epoch, id + 2000) < 0.99
            THEN trunc(least(99.5, greatest(12, 84 - 1.9 * celsius
                       + 1.5 * pg_temp.noise(epoch, id + 3000))) * 10) / 10 END,
       -- Recharged every 45 days or so.
       trunc(1000 - mod((epoch / 864 + id * 977)::integer, 4500 + id * 9) / 6.0) / 10,
       (-71 + 9 * pg_temp.noise(id, 4) + 3 * pg_temp.noise(epoch, id + 4000))::smallint
FROM (SELECT at, extract(epoch FROM at)::bigint AS epoch, extract(epoch FROM at) / 86400.0::float8 AS day
      FROM generate_series(:'since'::timestamptz, :'until'::timestamptz - interval '1 second',
                           interval '5 minutes') AS at) AS moment
CROSS JOIN public.device
CROSS JOIN LATERAL (
    SELECT CASE WHEN outdoor
           THEN 11 + 2.5 * pg_temp.noise(id, 1) + 3.5 * sin(day / 2.9 + id % 5) + 2 * sin(day / 11)
                + (5.5 + 1.5 * pg_temp.noise(id, 2)) * sin(6.2832 * (day - 0.38))
           ELSE 20.5 + pg_temp.noise(id, 1) + 0.4 * sin(day / 2.9 + id % 5)
                + (1.2 + 0.4 * pg_temp.noise(id, 2)) * sin(6.2832 * (day - 0.42))
           END + 0.15 * pg_temp.noise(epoch, id + 1000) AS celsius) AS measured;
