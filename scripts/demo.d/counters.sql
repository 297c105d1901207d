-- Adds machine.counters of the ticks [:since, :until): counters that only grow.
INSERT INTO machine.counters
SELECT tick,
       'press-' || machine,
       CASE WHEN pg_temp.noise(tick / 90, machine) > 0.97 THEN 'fault'
            WHEN pg_temp.noise(tick / 600, machine) > 0.7 THEN 'idle'
            ELSE 'running' END::machine.state,
       1200000 + tick * (machine + 3) / 11,
       14000 + tick * (machine + 3) / 700,
       round((52000 + tick * 0.0125 * machine
              + 0.006 * pg_temp.noise(tick, machine + 100))::numeric, 3)
FROM generate_series(:since::bigint, :until::bigint - 1) AS tick
CROSS JOIN generate_series(1, 8) AS machine;
