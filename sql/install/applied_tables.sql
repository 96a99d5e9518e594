-- A subscription that publishes all tables brings the rows of ours, too.  What a
-- dump carries it may bring; the others are of the publishing server alone, and
-- would be in the way of this one's own.
CREATE FUNCTION expand_contract.ignore_applied() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_ignore_applied' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.ignore_applied() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.ignore_applied() IS 'leaves out a row that a subscription applies to a table of the extension';
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_slots
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_slots ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_samples
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_samples ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_standbys
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_standbys ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_sweeps
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_sweeps ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_leaves
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_leaves ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.change_jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.change_jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sightings
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sightings ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sighting_watch
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sighting_watch ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.usage_flush
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.usage_flush ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.standby_usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.standby_usage ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verifications
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verifications ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verify_walks
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verify_walks ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.mismatches
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.mismatches ENABLE REPLICA TRIGGER ignore_applied;
