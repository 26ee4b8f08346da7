-- A history of :n events of :users users, with the inconsistencies that a real one has. Times are UTC.
INSERT INTO bandit_states (context_key, algorithm, alpha, beta, total_pulls, total_successes, total_failures)
SELECT encode(sha1.h,'hex'), a, 1+s, 1+f, s+f+n, s, f FROM (
 SELECT substr(encode(sha256(g::text::bytea),'hex'),1,40) AS k, g FROM generate_series(1,24) g) k
 CROSS JOIN unnest(ARRAY['svd','embeddings','graph','item_cf','long_tail','serendipity']) a
 CROSS JOIN LATERAL (SELECT decode(k.k,'hex') h) sha1
 CROSS JOIN LATERAL (SELECT (random()*50+k.g*0)::int s, (random()*80)::int f, (random()*9)::int n WHERE a IS NOT NULL) x;
-- inconsistent (lost updates), null counters, the seventh arm
UPDATE bandit_states SET alpha = 3 WHERE id = 5;
UPDATE bandit_states SET total_pulls = NULL, total_successes = NULL, total_failures=NULL WHERE id = 6;
INSERT INTO bandit_states (context_key, algorithm, alpha, beta, total_pulls, total_successes, total_failures)
 SELECT context_key, 'hybrid_fallback', 2, 1, 1, 1, 0 FROM bandit_states WHERE id = 7;
INSERT INTO recommendation_events (user_id, movie_id, algorithm, recommendation_score, position, context, clicked, clicked_at, rated, rated_at, rating_value,
  thumbs_up, thumbs_up_at, thumbs_down, thumbs_down_at, added_to_watchlist, added_to_favorites, created_at)
SELECT u, (ARRAY(SELECT id FROM movies ORDER BY id LIMIT 40))[1+(random()*39)::int], a, random(), p,
  CASE WHEN a LIKE 'bandit%' THEN json_build_object('time_period','evening','day_of_week','weekend','user_type','regular','genre_saturation','low','session_position','middle') ELSE NULL END,
  c, CASE WHEN c THEN at + interval '1 minute' END, rv IS NOT NULL, CASE WHEN rv IS NOT NULL THEN at + interval '2 min' END, rv,
  tu, CASE WHEN tu THEN at + interval '3 min' END, td, CASE WHEN td THEN at + interval '3 min' END, random()<.02, random()<.01, at
FROM (SELECT g, 1+(random()*(:users - 1))::int u, (ARRAY['bandit_svd','bandit_embeddings','bandit_graph','bandit_item_cf','bandit_long_tail','bandit_serendipity','hybrid_control','hybrid_control','hybrid_control','bandit_hybrid_fallback','manual','unified'])[1+(random()*11)::int] a,
  g%30+1 p, random()<.12 c, CASE WHEN random()<.05 THEN (1+(random()*9)::int)*0.5 END rv, random()<.03 tu, random()<.02 td,
  ((now() AT TIME ZONE 'UTC') - (random()*60 || ' days')::interval) at FROM generate_series(1,:n) g) x;
