-- What applying came to is told per unit, with a typed fault: results that hold a sentence instead can't be read any more.
-- They were the history of a router's last changes only; what stands is told anew by the edges.
DELETE FROM apply_results WHERE doc LIKE '%"reason"%';
