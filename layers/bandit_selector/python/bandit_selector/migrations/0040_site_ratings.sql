-- Up to which moment the site's own `ratings` were read for lists of each age; one row.
CREATE TABLE bandit_site_ratings (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    read_until timestamptz NOT NULL
);
