CREATE ROLE reader NOLOGIN;
CREATE ROLE writer NOLOGIN;
CREATE ROLE owner NOLOGIN;
GRANT reader TO writer;
GRANT writer TO owner;
