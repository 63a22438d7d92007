-- A journal between 1.0.0 and 1.1.0: one payment applied, one whose outcome is unknown.
BEGIN TRANSACTION;
CREATE TABLE operations (
    op_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    account TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    "key" TEXT,
    state TEXT NOT NULL,
    before TEXT NOT NULL,
    cents INTEGER,
    evidence TEXT NOT NULL,
    note TEXT NOT NULL,
    prepared_at REAL NOT NULL,
    sent_at REAL,
    settled_at REAL,
    sent_step INTEGER,
    settled_step INTEGER
);
CREATE UNIQUE INDEX once ON operations (account, "key")
    WHERE state NOT IN ('rejected', 'not_applied');
CREATE TABLE accounts (fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL);
CREATE TABLE steps (last INTEGER NOT NULL);
INSERT INTO operations VALUES (
    '3fb98d17-175f-4bb1-9ad9-6f1429ac06c1', 'bonus', 'https://api.appen.com:443 account 1', 'POST',
    'jobs/7/workers/5/bonus.json', 'amount=100&reason=Thanks', 'applied', 'applied',
    '{"balance": 5000}', 120, 'status 200', '', 1796054108.1, 1796054108.2, 1796054108.3, 1, 2
);
INSERT INTO operations VALUES (
    '47f6a0f3-05ac-46d5-a88a-9cf6b10efc58', 'launch', 'https://api.appen.com:443 account 1', 'POST',
    'jobs/7/orders.json', 'debit%5Bunits_count%5D=20&channels%5B%5D=on_demand', 'unknown',
    'unknown', '{"ordered_units": 0, "state": "running"}', NULL, 'unseen, ConnectionLost', '',
    1796054108.4, 1796054108.5, 1796054108.6, 3, 4
);
INSERT INTO accounts VALUES (
    '615a31e00e9c62f5744e88c251ea4ee277cc20a0936b7cc9c1270ef1433a32f5',
    'https://api.appen.com:443 account 1'
);
INSERT INTO accounts VALUES (
    'e092e16702e6194c40892d93d3b15fb059635f77ec26c2c7c7c8e1f359ce832f',
    'https://api.appen.com:443 account 1'
);
INSERT INTO steps VALUES (4);
PRAGMA application_id = 1128680012;
PRAGMA user_version = 2;
COMMIT;
PRAGMA journal_mode = WAL;
