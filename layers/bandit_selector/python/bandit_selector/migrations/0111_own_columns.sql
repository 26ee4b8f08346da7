-- A column of the site's own with a name of ours, as `seen` or `outcome`, is the site's: its application may write it.

CREATE OR REPLACE FUNCTION bandit_hear(event bigint, was jsonb, becomes jsonb, zone text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    changed CONSTANT jsonb := coalesce((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(becomes) WHERE value IS DISTINCT FROM was->key), '{}');
    own CONSTANT text[] := ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = to_regclass('recommendation_events_site') AND attnum > 0 AND NOT attisdropped
            AND attname IN ('recommendation_id', 'propensity', 'posterior_version', 'outcome', 'settled_at', 'seen'));
    recorded CONSTANT text := (
        SELECT min(key) FROM jsonb_object_keys(changed) AS key WHERE key IN ('id', 'user_id', 'movie_id', 'algorithm',
            'recommendation_score', 'position', 'context', 'created_at', 'recommendation_id', 'propensity',
            'posterior_version', 'outcome', 'settled_at', 'seen', 'bandit_event_id') AND key <> ALL (own));
    up CONSTANT boolean := coalesce((becomes->>'thumbs_up')::boolean, false);
    down CONSTANT boolean := coalesce((becomes->>'thumbs_down')::boolean, false);
    said bandit_inbox;
BEGIN
    IF changed = '{}' THEN
        RETURN;
    END IF;
    IF recorded IS NOT NULL THEN
        RAISE EXCEPTION 'Column % of row % of recommendation_events is what Bandit Selector recorded, and cannot be changed.',
            recorded, becomes->>'id'
            USING ERRCODE = 'feature_not_supported', HINT = 'Leave out the rows that have a bandit_event_id.';
    END IF;
    IF changed ?| ARRAY['clicked', 'clicked_at'] THEN
        said.clicked := coalesce((becomes->>'clicked')::boolean, false);
        said.clicked_at := coalesce(bandit_site_moment(becomes->>'clicked_at', zone), at);
    END IF;
    IF changed ?| ARRAY['rated', 'rated_at', 'rating_value'] THEN
        said.rating_value := (becomes->>'rating_value')::double precision;
        said.rated := said.rating_value IS NOT NULL AND coalesce((becomes->>'rated')::boolean, true);
        said.rated_at := coalesce(bandit_site_moment(becomes->>'rated_at', zone), at);
    END IF;
    IF changed ?| ARRAY['thumbs_up', 'thumbs_up_at', 'thumbs_down', 'thumbs_down_at'] THEN
        said.thumb := CASE
            WHEN up AND NOT (down AND (was->>'thumbs_up')::boolean) THEN 'up' WHEN down THEN 'down' ELSE 'off' END;
        said.thumbed_at := coalesce(bandit_site_moment(
            CASE said.thumb WHEN 'up' THEN becomes->>'thumbs_up_at' WHEN 'down' THEN becomes->>'thumbs_down_at' END,
            zone), at);
    END IF;
    IF changed ? 'added_to_watchlist' THEN
        said.watchlist := coalesce((becomes->>'added_to_watchlist')::boolean, false);
    END IF;
    IF changed ? 'added_to_favorites' THEN
        said.favorite := coalesce((becomes->>'added_to_favorites')::boolean, false);
    END IF;
    said.extra := changed - ARRAY['clicked', 'clicked_at', 'rated', 'rated_at', 'rating_value', 'thumbs_up',
        'thumbs_up_at', 'thumbs_down', 'thumbs_down_at', 'added_to_watchlist', 'added_to_favorites'];
    INSERT INTO bandit_inbox AS i
        (event_id, said_at, pending, clicked, clicked_at, rated, rated_at, rating_value, thumb, thumbed_at, watchlist,
         favorite, extra)
    VALUES (
        event, at, changed <> said.extra, said.clicked, said.clicked_at, said.rated, said.rated_at, said.rating_value,
        said.thumb, said.thumbed_at, said.watchlist, said.favorite, said.extra)
    ON CONFLICT (event_id) DO UPDATE SET
        said_at = excluded.said_at,
        pending = i.pending OR excluded.pending,
        clicked = coalesce(excluded.clicked, i.clicked),
        clicked_at = coalesce(excluded.clicked_at, i.clicked_at),
        rated = coalesce(excluded.rated, i.rated),
        rated_at = coalesce(excluded.rated_at, i.rated_at),
        rating_value = CASE WHEN excluded.rated IS NULL THEN i.rating_value ELSE excluded.rating_value END,
        thumb = coalesce(excluded.thumb, i.thumb),
        thumbed_at = coalesce(excluded.thumbed_at, i.thumbed_at),
        watchlist = coalesce(excluded.watchlist, i.watchlist),
        favorite = coalesce(excluded.favorite, i.favorite),
        extra = i.extra || excluded.extra;
END $$;
