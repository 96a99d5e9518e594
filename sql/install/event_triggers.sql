-- Last, so that they do not fire for the objects above.

CREATE EVENT TRIGGER expand_contract_note_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE INDEX', 'ALTER TABLE')
    EXECUTE FUNCTION expand_contract.note_ddl();
COMMENT ON EVENT TRIGGER expand_contract_note_ddl IS 'warns of DDL that ends what a change has promised';

CREATE EVENT TRIGGER expand_contract_note_triggers ON ddl_command_end
    WHEN TAG IN ('CREATE TRIGGER', 'ALTER TRIGGER')
    EXECUTE FUNCTION expand_contract.note_ddl();
COMMENT ON EVENT TRIGGER expand_contract_note_triggers IS 'warns of triggers that do not see what dual writes write';

CREATE EVENT TRIGGER expand_contract_note_partitions ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE FOREIGN TABLE', 'ALTER TABLE')
    EXECUTE FUNCTION expand_contract.note_partitions();
COMMENT ON EVENT TRIGGER expand_contract_note_partitions IS 'partitions that come or are detached';

CREATE EVENT TRIGGER expand_contract_note_dropped ON sql_drop
    WHEN TAG IN ('DROP TABLE')
    EXECUTE FUNCTION expand_contract.note_partitions();
COMMENT ON EVENT TRIGGER expand_contract_note_dropped IS 'partitions that are dropped';

CREATE EVENT TRIGGER expand_contract_note_subscriptions ON ddl_command_end
    WHEN TAG IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION')
    EXECUTE FUNCTION expand_contract.note_subscriptions();
COMMENT ON EVENT TRIGGER expand_contract_note_subscriptions IS 'warns of subscriptions whose rows a change does not see';
