-- All audit rows. The archive holds lower numbers than the hot tier; a row that lies in both was being moved when the process died.
CREATE TEMP VIEW audit_rows AS
    SELECT * FROM main.vas_logs
    UNION ALL
    -- The plus keeps SQLite from walking by number, where an index gives the order that is asked for.
    SELECT * FROM cold.vas_logs WHERE +seq < (SELECT COALESCE(MIN(seq), 9223372036854775807) FROM main.vas_logs);
