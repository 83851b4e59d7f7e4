"""The same count by DuckDB's reader of JSON lines, which is told which members there are."""
import sys

import duckdb

path, threads = sys.argv[1:]
end = 'STRUCT(namespace VARCHAR, labels VARCHAR[])'
ports = 'STRUCT(source_port INTEGER, destination_port INTEGER, flags STRUCT(SYN BOOLEAN, ACK BOOLEAN))'
flow = (
    f'STRUCT(time VARCHAR, verdict VARCHAR, IP STRUCT(source VARCHAR, destination VARCHAR), '
    f'l4 STRUCT(TCP {ports}, UDP {ports}), source {end}, destination {end}, '
    f'is_reply BOOLEAN, traffic_direction VARCHAR)'
)
connection = duckdb.connect(config={'threads': int(threads)})
rows = connection.execute(
    f"""
    SELECT flow.source.labels, flow.destination.labels,
           CASE WHEN flow.source.namespace IS NULL THEN flow.IP.source END,
           CASE WHEN flow.destination.namespace IS NULL THEN flow.IP.destination END,
           CASE WHEN flow.is_reply THEN flow.l4.TCP.source_port ELSE flow.l4.TCP.destination_port END,
           CASE WHEN flow.is_reply THEN flow.l4.UDP.source_port ELSE flow.l4.UDP.destination_port END,
           flow.verdict, flow.traffic_direction, flow.is_reply,
           count(*), min(flow.time), max(flow.time)
    FROM (SELECT flow FROM read_ndjson(?, columns = {{'flow': '{flow}'}}))
    GROUP BY ALL
    """,
    [path],
).fetchall()
print(len(rows))
