\echo
\echo 'Window functions: rank within the department, its total, a moving average'
SELECT name, department, salary,
       rank() OVER (PARTITION BY department ORDER BY salary DESC) AS dept_rank,
       sum(salary) OVER (PARTITION BY department) AS dept_total,
       round(avg(salary) OVER (PARTITION BY department ORDER BY hired ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), 2) AS rolling_avg_3
FROM employees
ORDER BY department, dept_rank, name;

\echo 'A recursive query: who reports to whom'
WITH RECURSIVE org_tree AS (
    SELECT id, name, 0 AS depth, name AS path FROM employees WHERE manager_id IS NULL
    UNION ALL
    SELECT e.id, e.name, t.depth + 1, t.path || ' > ' || e.name
    FROM employees e JOIN org_tree t ON e.manager_id = t.id
)
SELECT repeat('  ', depth) || name AS employee, depth, path FROM org_tree ORDER BY path;

\echo 'A plan, as it ran'
EXPLAIN (ANALYZE, BUFFERS)
SELECT u.name, count(o.id) AS order_count
FROM users u LEFT JOIN orders o ON u.id = o.user_id
WHERE u.created_at > '2025-01-01'
GROUP BY u.id, u.name
ORDER BY order_count DESC
LIMIT 10;
