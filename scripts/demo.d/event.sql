-- Adds public.event of [:since, :until): about one per hour and device, most of them harmless.
INSERT INTO public.event
SELECT at + interval '29 minutes' * (1 + pg_temp.noise(epoch, id)),
       id,
       CASE WHEN chance > 0.98 THEN 'alarm' WHEN chance > 0.8 THEN 'warning' ELSE 'info' END,
       CASE WHEN chance > 0.98 THEN jsonb_build_object('code', 'E' || 100 + epoch / 3600 % 40,
                                                       'limit', 35, 'acknowledged', false)
            WHEN chance > 0.8 THEN jsonb_build_object('code', 'W' || 200 + epoch / 3600 % 20,
                                                      'retries', id % 4)
            WHEN chance > -0.6 THEN jsonb_build_object('uptime_h', epoch / 3600 % 2000,
                                                       'firmware', '4.' || id % 7) END
FROM (SELECT at, extract(epoch FROM at)::bigint AS epoch
      FROM generate_series(:'since'::timestamptz, :'until'::timestamptz - interval '1 hour',
                           interval '1 hour') AS at) AS hour
CROSS JOIN public.device
CROSS JOIN LATERAL (SELECT pg_temp.noise(epoch, id + 1000) AS chance) AS dice;
