-- What hallpass-postgres needs. All times are milliseconds since the Unix epoch, by this server's clock.

CREATE TABLE IF NOT EXISTS hallpass_shared (
    name bytea PRIMARY KEY,
    sealed bytea,
    generation bigint NOT NULL DEFAULT 0,
    ends bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    -- Nobody's while it is a pause.
    owner bytea,
    leased_until bigint NOT NULL DEFAULT 0
);

CREATE INDEX IF NOT EXISTS hallpass_shared_ends ON hallpass_shared (GREATEST(ends, leased_until));

-- kind 0 is a snapshot, 1 a lease or a publication that stands, 2 another's lease, 3 a pause.
DO $$ BEGIN
    CREATE TYPE hallpass_reply AS (
        kind int, sealed bytea, generation bigint, time_left bigint, refused bigint, fence bigint, now bigint
    );
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

CREATE OR REPLACE FUNCTION hallpass_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- A number that was granted: none is more than a day ahead.
CREATE OR REPLACE FUNCTION hallpass_granted(value bigint, moment bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value > moment + 86400000 OR value < 0 THEN 0 ELSE value END
$$;

-- For how long an entry is kept at most: a year.
CREATE OR REPLACE FUNCTION hallpass_longest_life() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT 31622400000
$$;

CREATE OR REPLACE FUNCTION hallpass_snapshot(slot hallpass_shared, moment bigint) RETURNS hallpass_reply
LANGUAGE plpgsql STABLE AS $$
BEGIN
    slot.refused := hallpass_granted(coalesce(slot.refused, 0), moment);
    IF slot.sealed IS NULL OR hallpass_granted(slot.generation, moment) = 0
        OR slot.ends <= moment OR slot.ends > moment + hallpass_longest_life()
    THEN
        RETURN (0, NULL, 0, 0, slot.refused, 0, moment)::hallpass_reply;
    END IF;
    RETURN (0, slot.sealed, slot.generation, slot.ends - moment, slot.refused, 0, moment)::hallpass_reply;
END $$;

CREATE OR REPLACE FUNCTION hallpass_get(which bytea) RETURNS hallpass_reply LANGUAGE plpgsql AS $$
DECLARE
    slot hallpass_shared;
BEGIN
    SELECT * INTO slot FROM hallpass_shared WHERE name = which;
    RETURN hallpass_snapshot(slot, hallpass_now());
END $$;

-- Two calls for one name run one after the other, also before there is a row to lock.
CREATE OR REPLACE FUNCTION hallpass_lock(which bytea) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('hallpass ' || encode(which, 'hex'), 0))
$$;

CREATE OR REPLACE FUNCTION hallpass_lease(
    which bytea, who bytea, term bigint, newer_than bigint, refusal bigint, seen bigint
) RETURNS hallpass_reply LANGUAGE plpgsql AS $$
DECLARE
    slot hallpass_shared;
    moment bigint;
    there bigint;
BEGIN
    PERFORM hallpass_lock(which);
    -- Until it is this call's: a sweep may take the row away in between.
    LOOP
        SELECT * INTO slot FROM hallpass_shared WHERE name = which FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO hallpass_shared (name) VALUES (which) ON CONFLICT DO NOTHING;
    END LOOP;
    moment := hallpass_now();
    refusal := hallpass_granted(refusal, moment);
    slot.refused := hallpass_granted(slot.refused, moment);
    slot.fence := hallpass_granted(slot.fence, moment);
    -- No lease and no pause is longer than a minute.
    IF slot.leased_until > moment + 60000 THEN
        slot.leased_until := 0;
    END IF;
    IF refusal > slot.refused THEN
        slot.refused := refusal;
        UPDATE hallpass_shared SET refused = refusal WHERE name = which;
    END IF;
    there := (hallpass_snapshot(slot, moment)).generation;
    IF slot.leased_until > moment AND slot.owner = who THEN
        UPDATE hallpass_shared SET leased_until = moment + term WHERE name = which;
        RETURN (1, NULL, there, 0, 0, slot.fence, moment)::hallpass_reply;
    END IF;
    IF there > newer_than AND there > slot.refused THEN
        RETURN hallpass_snapshot(slot, moment);
    END IF;
    IF slot.leased_until > moment THEN
        RETURN (
            CASE WHEN slot.owner IS NULL THEN 3 ELSE 2 END,
            NULL, 0, slot.leased_until - moment, 0, 0, moment
        )::hallpass_reply;
    END IF;
    slot.fence := GREATEST(
        moment,
        slot.fence + 1,
        there + 1,
        slot.refused + 1,
        hallpass_granted(seen, moment) + 1
    );
    UPDATE hallpass_shared SET fence = slot.fence, owner = who, leased_until = moment + term
        WHERE name = which;
    -- Now and then somebody sweeps up what is long over, or can't be; this row is in use, whatever it
    -- says of its end.
    IF random() < 0.01 THEN
        DELETE FROM hallpass_shared WHERE name IN (
            SELECT name FROM hallpass_shared
            WHERE name <> which
                AND (GREATEST(ends, leased_until) < moment - 60000
                    OR GREATEST(ends, leased_until) > moment + hallpass_longest_life())
            LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN (1, NULL, there, 0, 0, slot.fence, moment)::hallpass_reply;
END $$;

-- Without a text it is a failure, and `ends` the length of the pause.
CREATE OR REPLACE FUNCTION hallpass_publish(
    which bytea, under bigint, content bytea, ends_at bigint
) RETURNS hallpass_reply LANGUAGE plpgsql AS $$
DECLARE
    slot hallpass_shared;
    moment bigint;
BEGIN
    PERFORM hallpass_lock(which);
    SELECT * INTO slot FROM hallpass_shared WHERE name = which FOR UPDATE;
    moment := hallpass_now();
    IF slot.fence IS NULL OR under = 0 OR slot.fence <> under
        OR (hallpass_snapshot(slot, moment)).generation >= under
        OR (content IS NOT NULL AND ends_at <= moment)
    THEN
        RETURN hallpass_snapshot(slot, moment);
    END IF;
    IF content IS NULL THEN
        UPDATE hallpass_shared SET owner = NULL, leased_until = moment + ends_at WHERE name = which;
    ELSE
        UPDATE hallpass_shared
            SET sealed = content, generation = under, owner = NULL, leased_until = moment,
                ends = LEAST(ends_at, moment + hallpass_longest_life())
            WHERE name = which;
        PERFORM pg_notify('hallpass_news', encode(which, 'hex') || ' ' || under);
    END IF;
    RETURN (1, NULL, 0, 0, 0, 0, moment)::hallpass_reply;
END $$;
