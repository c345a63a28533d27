SELECT count(*) AS value
FROM cases
WHERE open
AND park = (SELECT id FROM parks WHERE code = ${park:sqlstring} AND gone IS NULL)
