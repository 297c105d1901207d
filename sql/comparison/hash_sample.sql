-- A hash over values of the types that digests hash directly. If two servers return the same, they
-- hash alike. They do unless they differ in byte order, encoding, or a PostgreSQL version that
-- changed a hash function.
SELECT hash_record_extended(ROW(
           true, 'c'::"char", 1::int2, 2::int4, 3::int8, 4::oid, 1.5::float4, 2.25::float8,
           3.1250::numeric, 'text'::text COLLATE "C", 'varchar'::varchar COLLATE "C",
           'name'::name, '\x00ff'::bytea, '00112233-4455-6677-8899-aabbccddeeff'::uuid,
           '2024-02-29'::date, '12:34:56.789'::time, '12:34:56+02'::timetz,
           '2024-02-29 12:34:56.789'::timestamp, '2024-02-29 12:34:56.789+02'::timestamptz,
           '1 day 02:03:04'::interval, '192.168.0.1/24'::inet, '10.0.0.0/8'::cidr,
           '08:00:2b:01:02:03'::macaddr, '08:00:2b:01:02:03:04:05'::macaddr8,
           '16/B374D848'::pg_lsn, current_setting('server_encoding')), 7)::text AS hash
