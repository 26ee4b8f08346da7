// The site's Vite while it is developed: Bandit Selector's routes go to ./dev serve, by name; the rest to the backend.
// A key that begins with ^ is a regular expression of the path and query; the first that matches is used.

const bandit = "http://127.0.0.1:8000";
const site = "http://127.0.0.1:8001";

export default {
  server: {
    proxy: {
      "^/(movies/recommendations|selections|analytics/track(/[^/?]+)?)(\\?|$)": bandit,
      "^/analytics/(bandit/stats|performance|recommendations/stats|timeline|health|queue|reports(/[^/?]+)?)(\\?|$)": bandit,
      "^/((dashboard|docs)(/[^/?]+)?|openapi\\.json|health)(\\?|$)": bandit,
      "^/(analytics|auth|movies|ratings|user)(/|\\?|$)": site,
    },
  },
};
