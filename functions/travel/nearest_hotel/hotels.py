"""The hotels that can be booked.

The same file lies beside every handler that searches hotels: a Lambda package stands alone.
"""

# id -> (name, city, latitude, longitude, euros a night)
HOTELS = {
    "HTL-101": ("Fjord House", "Oslo", 59.908, 10.738, 142),
    "HTL-102": ("The Spruce", "Oslo", 59.921, 10.761, 98),
    "HTL-201": ("Casa da Colina", "Lisbon", 38.713, -9.133, 87),
    "HTL-202": ("Hotel Azulejo", "Lisbon", 38.722, -9.141, 115),
    "HTL-301": ("Deux Fleuves", "Lyon", 45.758, 4.829, 104),
    "HTL-302": ("La Soie", "Lyon", 45.770, 4.841, 79),
    "HTL-401": ("Harbour Light", "Reykjavik", 64.150, -21.941, 168),
    "HTL-501": ("Acacia Garden", "Nairobi", -1.288, 36.817, 74),
    "HTL-601": ("Moss Temple Inn", "Kyoto", 35.010, 135.770, 121),
    "HTL-602": ("Bamboo Lane", "Kyoto", 35.003, 135.759, 93),
    "HTL-701": ("The Meridian", "New York", 40.712, -74.006, 239),
    "HTL-702": ("Pier Twelve", "New York", 40.702, -74.013, 187),
}
