#pragma once

#include "support/migration.hpp"

#include <string>

namespace test {

/// A role on a database's server with no attribute but LOGIN. The destructor drops it, and
/// reassigns its objects to the test's own role.
class Role {
  public:
    /// \param name unique in the test.
    explicit Role(Database& database, const std::string& name = "role");
    ~Role();
    Role(const Role&) = delete;
    Role& operator=(const Role&) = delete;

    static constexpr auto password = "role";

    const std::string& name() const { return name_; }

    /// Connection string of the database, for this role.
    std::string uri() const {
        return database_.uri("user=" + name_ + "&password=" + std::string(password));
    }

  private:
    Database& database_;
    std::string name_;
};

} // namespace test
