-- Hypertables whose chunks a policy reorders.
SELECT coalesce(array_agg(to_regclass(format('%I.%I', hypertable_schema, hypertable_name))::oid), '{}') AS oids
FROM timescaledb_information.jobs
WHERE proc_name = 'policy_reorder'
